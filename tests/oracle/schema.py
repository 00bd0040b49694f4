"""schema.py FILE: each line of FILE is {"schema", "name", "instance", "valid"}; prints where the validator disagrees."""
import json
import sys

import jsonschema

validators = {}
wrong = 0
for line in open(sys.argv[1]):
    row = json.loads(line)
    path = row["schema"]
    if path not in validators:
        schema = json.load(open(path))
        jsonschema.Draft7Validator.check_schema(schema)
        validators[path] = jsonschema.Draft7Validator(schema)
    errors = ["/".join(map(str, e.absolute_path)) + ": " + e.message[:200] for e in validators[path].iter_errors(row["instance"])]
    if bool(errors) == row["valid"]:
        wrong += 1
        print("%s: expected %s, found %s" % (row["name"], "valid" if row["valid"] else "wrong", errors))
sys.exit(wrong > 0)
