"""`python -m backend.training data|mean|train|pack|sample|attributes|evaluate|evaluate-props`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from backend.errors import PropsmithError
from backend.runtime import prepare_process
from backend.training import evaluation_cli


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m backend.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data", help="render the training set")
    data.add_argument("folder", type=Path)
    data.add_argument("--shards", type=int, default=40)
    data.add_argument("--workers", type=int, default=2)
    data.add_argument("--sweethome", type=Path, help="the unpacked package sweethome3d-furniture")
    data.add_argument("--cache", type=Path, help="where its converted models are kept")
    data.add_argument("--focus", type=float, default=2.5, help="on the kinds that are asked most")
    data.add_argument("--imported", type=float, default=0.3, help="the imported models' share")
    data.add_argument(
        "--variety", type=float, default=1.0, help="from 0, a kind's usual form and looks, to 1"
    )
    data.add_argument("--first", type=int, default=0, help="the first shard's number: its seed")
    data.add_argument("--words", type=Path, help="a folder of shards whose words a new one has")
    mean = commands.add_parser("mean", help="train the mean of what words and cameras name")
    mean.add_argument("data", type=Path)
    mean.add_argument("run", type=Path)
    mean.add_argument("--minutes", type=float, default=25)
    mean.add_argument(
        "--start", type=Path, help="a prior's folder whose words are held, and its mean begun with"
    )
    mean.add_argument("--learning-rate", type=float, default=1.2e-3, help="at its peak")
    mean.add_argument("--batch", type=int, default=256)
    train = commands.add_parser("train", help="train; takes up the run's checkpoint")
    train.add_argument("data", type=Path)
    train.add_argument("run", type=Path)
    train.add_argument("--minutes", type=float, default=60)
    train.add_argument("--total-steps", type=int, default=20_000, help="of the learning-rate decay")
    train.add_argument("--start", type=Path, help="a prior's folder to begin a new run with")
    train.add_argument("--mean", type=Path, help="a run of `mean` that a new run is shown")
    train.add_argument("--learning-rate", type=float, default=5e-4, help="at its peak")
    train.add_argument("--batch", type=int, default=48)
    train.add_argument("--device", default="cpu")
    pack = commands.add_parser("pack", help="write the averaged weights as a prior folder, fp16")
    pack.add_argument("run", type=Path)
    pack.add_argument("folder", type=Path)
    pack.add_argument("data", type=Path, help="what the run was trained on: which words it saw")
    sample = commands.add_parser("sample", help="a sheet of DDIM samples")
    sample.add_argument("prior", type=Path)
    sample.add_argument("picture", type=Path)
    sample.add_argument("prompts", nargs="*")
    evaluation_cli.add_commands(commands)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.command == "data":
        from backend.training.data import DataConfig, write_shards

        sources = DataConfig(
            arguments.sweethome, arguments.cache, focus=arguments.focus,
            imported_share=arguments.imported, variety=arguments.variety,
        )  # fmt: skip
        numbers = range(arguments.first, arguments.first + arguments.shards)
        write_shards(arguments.folder, numbers, sources, arguments.workers, arguments.words)
    elif arguments.command == "train":
        prepare_process()
        from backend.training.train import TrainConfig
        from backend.training.train import train as run_training

        config = TrainConfig(
            batch=arguments.batch,
            learning_rate=arguments.learning_rate,
            total_steps=arguments.total_steps,
            device=arguments.device,
        )
        run_training(
            arguments.data, arguments.run, arguments.minutes, config, arguments.start,
            arguments.mean,
        )  # fmt: skip
    elif arguments.command == "mean":
        prepare_process()
        from backend.training.mean_train import MeanConfig, train_mean

        settings = MeanConfig(arguments.batch, arguments.learning_rate)
        train_mean(arguments.data, arguments.run, arguments.minutes, settings, arguments.start)
    elif arguments.command == "pack":
        from backend.training.pack import pack as pack_run

        pack_run(arguments.run, arguments.folder, arguments.data)
    elif arguments.command in evaluation_cli.COMMANDS:
        evaluation_cli.run(arguments)
    else:
        from backend.training.samples import sample_sheet

        sample_sheet(arguments.prior, arguments.prompts).save(arguments.picture)


if __name__ == "__main__":
    try:
        main()
    except PropsmithError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
