"""The bundled trainer: checks before training, TRL and PEFT for training, monitors after it."""
