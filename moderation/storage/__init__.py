"""SQL: functions on a connection whose transaction belongs to the caller."""
