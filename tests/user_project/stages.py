"""A stage as a user writes it."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from synthgen import Context, Record


class Signed(BaseModel):
    """Signs every output; answers that are only a number stay as they are and are dropped."""

    model_config = ConfigDict(extra="forbid")
    ordered: ClassVar[bool] = False
    name_of_sender: str

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        return [self._signed(record) for record in records]

    def _signed(self, record: Record) -> Record:
        if (record.output or "").isdecimal():
            return record.dropped("only_a_number")
        return record.replace(output=f"{record.output}\n{self.name_of_sender}")
