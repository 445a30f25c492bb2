"""Evaluates a checkpoint on one slice of the rows that the training has not seen. Runs as a child of an array job: its
index says which slice. Leaves what it counted beside the checkpoint."""
import json
import os
import pathlib
import sys

import torch

import digits


def main():
    checkpoint, slices = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    index = int(os.environ["AWS_BATCH_JOB_ARRAY_INDEX"])
    torch.set_num_threads(1)
    _, _, (pictures, labels) = digits.load()
    net = digits.network()
    net.load_state_dict(torch.load(checkpoint)["net"])

    pictures, labels = pictures[index::slices], labels[index::slices]
    counted = {"slice": index, "rows": len(labels), "right": digits.count_right(net, pictures, labels)}
    (checkpoint.parent / f"slice-{index}.json").write_text(json.dumps(counted))
    print(json.dumps(counted))


if __name__ == "__main__":
    main()
