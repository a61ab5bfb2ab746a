from limits import MOST_CHARACTERS


def short(record):
    return "too_long" if len(record.output or "") > MOST_CHARACTERS else None
