"""Trains the network data-parallel: every process of the gang runs this, and finds its fellows through MASTER_ADDR,
MASTER_PORT, WORLD_SIZE and RANK. After each epoch rank 0 leaves a checkpoint; a gang that starts again goes on from
there. The last line that rank 0 prints is the result, as JSON."""
import argparse
import json
import os
import pathlib

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import digits


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    return parser.parse_args()


def save(path, state):
    """Replaces the file at path in one step, so that a crash leaves the old one or the new one."""
    fresh = path.with_suffix(".new")
    with open(fresh, "wb") as f:
        torch.save(state, f)
        f.flush()
        os.fsync(f.fileno())
    os.replace(fresh, path)


def main():
    args = arguments()
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    (pictures, labels), validation, _ = digits.load()
    args.checkpoint.parent.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(0)
    net = digits.network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
    done = 0
    if args.checkpoint.exists():
        state = torch.load(args.checkpoint)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["epochs"]
    print(f"rank {rank} of {world}, pid {os.getpid()}: starting after epoch {done}", flush=True)

    model = DistributedDataParallel(net)
    loss_of = nn.CrossEntropyLoss()
    share = max(1, args.batch_size // world)
    for epoch in range(done + 1, args.epochs + 1):
        # Every rank draws the same order and takes its own part of it, equally long for all.
        order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(epoch))
        mine = order[rank : len(order) // world * world : world]
        for rows in mine.split(share):
            optimizer.zero_grad()
            loss = loss_of(model(pictures[rows]), labels[rows])
            loss.backward()
            optimizer.step()
        if rank == 0:
            save(
                args.checkpoint,
                {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epoch},
            )
            if epoch % 10 == 0 or epoch == args.epochs:
                right = digits.count_right(net, *validation)
                print(f"epoch {epoch}: loss {loss.item():.4f}, {right} of {len(validation[1])} right", flush=True)

    dist.barrier()
    if rank == 0:
        right = digits.count_right(net, *validation)
        print(
            json.dumps(
                {
                    "experiment": os.environ.get("EXPERIMENT_NAME", ""),
                    "epochs": args.epochs,
                    "processes": world,
                    "accuracy": round(right / len(validation[1]), 4),
                }
            ),
            flush=True,
        )
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
