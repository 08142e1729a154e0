"""A company that does two things wrong."""
