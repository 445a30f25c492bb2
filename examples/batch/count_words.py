"""Counts the words of one file: the one that ITEM names, or of the list in ITEMS the one at the array index."""
import json
import os
import pathlib


def item():
    if "ITEM" in os.environ:
        return os.environ["ITEM"]
    return json.loads(os.environ["ITEMS"])[int(os.environ["AWS_BATCH_JOB_ARRAY_INDEX"])]


def main():
    path = pathlib.Path(item())
    print(f"{path.name}: {len(path.read_text().split())} words")


if __name__ == "__main__":
    main()
