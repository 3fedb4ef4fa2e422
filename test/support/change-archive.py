"""Changes a table of the archive with deltalake, as another program of the shop may. Arguments: table folder, operation and
what it needs. Prints what deltalake says of it."""
import json
import sys

import polars as pl
from deltalake import DeltaTable, Field, TableFeatures, write_deltalake


def append(path, count, source):
    """Appends rows of the table once more, with a column that Tillstream does not have and without most of its own."""
    rows = pl.scan_delta(path).head(int(count)).collect()
    rows = rows.select("event_date", "event_type", "event_time").with_columns(
        pl.lit(source).alias("source"), pl.lit("by hand").alias("note")
    )
    write_deltalake(path, rows, mode="append", schema_mode="merge")


def main():
    path, operation, *values = sys.argv[1:]
    table = DeltaTable(path)
    result = None
    if operation == "compact":
        result = table.optimize.compact()
    elif operation == "z_order":
        result = table.optimize.z_order(values)
    elif operation == "delete":
        result = table.delete(values[0])
    elif operation == "update":
        result = table.update(updates={values[0]: values[1]}, predicate=values[2])
    elif operation == "append":
        append(path, *values)
    elif operation == "add_column":
        table.alter.add_columns([Field(values[0], "string")])
    elif operation == "checkpoint":
        table.create_checkpoint()
    elif operation == "vacuum":
        result = table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    elif operation == "feature":
        table.alter.add_feature(getattr(TableFeatures, values[0]), allow_protocol_versions_increase=True)
    else:
        raise SystemExit(f"unknown operation {operation}")
    print(json.dumps(result, default=str))


main()
