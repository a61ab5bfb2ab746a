"""How a stage asks: prompt templates, and what the stages that ask a teacher share."""
