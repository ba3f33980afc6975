"""The key under which a config field's JSON Schema says what the field is for; a room of its own, because it is light."""

HINT = "x-pype"
