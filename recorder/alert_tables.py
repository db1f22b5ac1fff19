"""The tables of alerts: what was judged, and what people said of it."""

from recorder.tables import Index, Table

ALERT_TABLES: tuple[Table, ...] = ()

ALERT_INDEXES: tuple[Index, ...] = ()
