"""Reads a Tillstream archive with deltalake and polars, which share no code with Tillstream; prints what they see as
one JSON document. Arguments: archive folder or its s3:// address (server and keys in AWS_ variables), and "rows" to
get the rows themselves."""
import json
import os
import sys

import polars as pl
from deltalake import DeltaTable, QueryBuilder


def read(path):
    """The rows as polars reads them; deltalake's own engine must see the same number and sums."""
    options = {name: value for name, value in os.environ.items() if name.startswith("AWS_")} if "://" in path else None
    table = DeltaTable(path, storage_options=options)
    rows = pl.scan_delta(path, storage_options=options).collect()
    query = "SELECT count(*) AS n, coalesce(sum(log_offset), 0) AS total FROM t"
    seen = pl.DataFrame(QueryBuilder().register("t", table).execute(query))
    assert seen["n"][0] == rows.height, f"deltalake sees {seen['n'][0]} rows, polars {rows.height}"
    assert seen["total"][0] == (rows["log_offset"].sum() or 0), "deltalake and polars see other offsets"
    return table, rows


def text(value):
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def describe(root, name, with_rows):
    path = f"{root}/{name}"
    table, rows = read(path)
    actions = table.get_add_actions(flatten=True)
    actions = pl.DataFrame(actions)
    offsets = rows["log_offset"]
    result = {
        "version": table.version(),
        "files": len(table.file_uris()),
        "rows": rows.height,
        "rows_in_stats": int(actions["num_records"].sum() or 0) if actions.height else 0,
        "offset_min": offsets.min(),
        "offset_max": offsets.max(),
        "offsets": offsets.n_unique(),
        "sources": {source: n for source, n in rows["source"].value_counts().iter_rows()},
        "received_min": text(rows["received_at"].min()),
        "received_max": text(rows["received_at"].max()),
        "schema": {column: str(kind) for column, kind in rows.schema.items()},
        "dates": sorted({text(date) for date in rows["event_date"]}),
    }
    if name == "events":
        result["event_ids"] = rows["event_id"].n_unique() - (1 if rows["event_id"].null_count() else 0)
        result["amount"] = text(rows["amount"].sum())
        result["price"] = text(rows["price"].sum())
        if "bot" in rows.columns:
            result["excluded"] = rows.filter(pl.col("bot").fill_null(False) | pl.col("test").fill_null(False)).height
        if "duplicate" in rows.columns:
            purchases = rows.filter((pl.col("event_type") == "purchase") & ~pl.col("duplicate"))
            worth = pl.coalesce("amount", pl.col("price") * pl.col("quantity").fill_null(1))
            result["revenue"] = float(purchases.select(worth.sum()).item() or 0)
            result["orders"] = int(purchases["new_order"].sum() or 0)
    if with_rows:
        columns = (
            ["log_offset", "event_id", "event_type", "event_time", "amount", "price", "extra", "received_at", "source", "event_date", "log_partition", "log_line"]
            if name == "events"
            else ["log_offset", "reason", "field", "raw", "source", "log_partition", "log_line"]
        )
        columns = [column for column in columns if column in rows.columns]
        result["columns"] = columns
        result["data"] = [
            [value if value is None or isinstance(value, (int, str)) else text(value) for value in row]
            for row in rows.select(columns).sort("log_offset").iter_rows()
        ]
    return table, result


def main():
    root, *flags = sys.argv[1:]
    output = {}
    for name in ("events", "bad_rows"):
        table, output[name] = describe(root, name, "rows" in flags)
        app_ids = [flag[4:] for flag in flags if flag.startswith("txn=")]
        output[name]["txn"] = {app_id: table.transaction_version(app_id) for app_id in app_ids}
    print(json.dumps(output))


main()
