"""Global ids in SQL, as `domain.ids` makes them in Python."""


def global_id(kind: str, id: str) -> str:
    """SQL for the global id. kind: SQL for the kind's name as text; id: SQL for the uuid.

    36 characters at most, so `encode` breaks no line.
    """
    return (
        f"translate(rtrim(encode(convert_to({kind} || ':', 'UTF8') || uuid_send({id}), 'base64'), '='), "
        "'+/', '-_')"
    )
