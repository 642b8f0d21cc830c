"""What a key of a store may look like: the same in all stores."""


def check_key(key: str) -> None:
    """Refuse what a file system would take for another place, or a bucket for another key."""
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError("a key stays inside its store")
