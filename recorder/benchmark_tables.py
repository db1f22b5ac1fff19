"""The tables of benchmarks: their runs, and what each measured."""

from recorder.tables import Index, Table

BENCHMARK_TABLES: tuple[Table, ...] = ()

BENCHMARK_INDEXES: tuple[Index, ...] = ()
