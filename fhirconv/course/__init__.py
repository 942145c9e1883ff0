"""The course of a patient: facts on the calendar, or on axes of their own, as far as they say when. Draws nothing."""
