"""Adds up what the children of the evaluation counted, and prints the whole as one line of JSON."""
import json
import pathlib
import sys


def main():
    folder, slices = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    counted = [json.loads((folder / f"slice-{i}.json").read_text()) for i in range(slices)]
    rows, right = sum(c["rows"] for c in counted), sum(c["right"] for c in counted)
    print(json.dumps({"rows": rows, "right": right, "accuracy": round(right / rows, 4)}))


if __name__ == "__main__":
    main()
