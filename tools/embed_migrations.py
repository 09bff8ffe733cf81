#!/usr/bin/env python3
"""Writes a C++ source that holds db/migrations/<dialect>/*.sql, so that the binary needs no files."""
import pathlib
import re
import sys

folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
rows = []
for file in sorted(folder.glob("*/*.sql")):
    version = re.match(r"(\d+)_", file.name)
    parts = re.match(r"(?s).*?^-- migrate:up[^\n]*\n(.*?)^-- migrate:down", file.read_text(), re.M)
    if not version or not parts:
        sys.exit(f"{file}: wants a name <version>_<what>.sql and both -- migrate:up and -- migrate:down")
    rows.append(f'    {{"{file.parent.name}", "{version[1]}", "{file.name}", R"sql({parts[1]})sql"}},')
out.write_text('#include "db/migrations.h"\n\nnamespace ncps::db {\n\n'
               "static constexpr Migration kMigrations[] = {\n" + "\n".join(rows) + "\n};\n\n"
               "std::span<const Migration> all_migrations() { return kMigrations; }\n\n}  // namespace ncps::db\n")
