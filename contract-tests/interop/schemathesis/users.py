"""Prints who the two users are, as Web Fuzzing Commons writes it."""

import json
import os

tokens = {"ann": os.environ["TOKEN"], "bob": os.environ["OTHER_TOKEN"]}
users = [
    {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
    for name, token in tokens.items()
]
print(json.dumps({"auth": users}))
