"""SQL: functions on a connection; the caller owns the transaction."""
