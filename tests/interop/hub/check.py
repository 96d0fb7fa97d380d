"""Reads and fills a hub's cache with huggingface_hub: check.py offline|download REPO FOLDER.

offline: without a network, the cache gives the model, whose files are those of FOLDER. download: fetches
it from HF_ENDPOINT into the cache. Prints the snapshot's folder."""
import pathlib
import sys

from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache


def main(what, repo, folder):
    if what == 'download':
        print(snapshot_download(repo))
        return
    snapshot = pathlib.Path(snapshot_download(repo, local_files_only=True))
    files = [path for path in snapshot.rglob('*') if not path.is_dir()]
    assert any(path.name == 'model.safetensors' for path in files), files
    for path in files:
        name = path.relative_to(snapshot)
        assert path.read_bytes() == (folder / name).read_bytes(), name
        assert try_to_load_from_cache(repo, name.as_posix()) == str(path), name
    cache = scan_cache_dir()
    assert not cache.warnings, cache.warnings
    found, = (entry for entry in cache.repos if entry.repo_id == repo)
    revision, = found.revisions
    assert revision.refs == {'main'} and revision.nb_files == len(files), revision
    assert revision.size_on_disk == sum(path.stat().st_size for path in files), revision
    print(snapshot)


main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]))
