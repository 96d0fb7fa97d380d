"""Record batches through embedtool, for engines that hand them to Python: see spark_encode.py."""
import os
import subprocess
import threading

import pyarrow as pa


def encode(batches, arguments):
    """Yields record batches with `id`, `embedding`, `n_tokens`, `truncated` and `text_hash`, in the order
    of the rows of `batches`, record batches with `id` and `text` of which there is at least one.
    `arguments` are those of `embedtool encode`, the model and `--keep` for instance. One process for all;
    rows go to it and come from it while it works. A row that cannot be used is an error: pass `--on-error
    skip` to leave it out instead."""
    command = [os.environ.get("EMBEDTOOL", "embedtool"), "encode", "-", "--format", "arrow", "-o", "-",
               "--to", "arrow", "-q", *arguments]
    if "--on-error" not in arguments:
        command += ["--on-error", "fail"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    failure, messages = [], []

    def feed():
        try:
            first = next(batches)
            with process.stdin, pa.ipc.new_stream(process.stdin, first.schema) as writer:
                writer.write_batch(first)
                for batch in batches:
                    writer.write_batch(batch)
        except BrokenPipeError:
            pass  # its status says why
        except BaseException as error:
            failure.append(error)
            process.kill()

    # Three pipes at once, or each end would wait for the other.
    batches = iter(batches)
    threads = [threading.Thread(target=feed, daemon=True),
               threading.Thread(target=lambda: messages.append(process.stderr.read()), daemon=True)]
    for thread in threads:
        thread.start()
    try:
        with pa.ipc.open_stream(process.stdout) as reader:
            yield from reader
        status = process.wait()
        incomplete = None
    except pa.ArrowInvalid as error:  # no stream, or one that ends in the middle
        process.kill()
        status, incomplete = process.wait(), error
    finally:
        process.kill()
        for thread in threads:
            thread.join()
    if failure:
        raise failure[0]
    if status != 0 or incomplete:
        raise RuntimeError(f"{' '.join(command)}: status {status}: {messages[0].decode(errors='replace')}")


def as_lists(batch, names):
    """The columns of that name; vectors as lists of any length, which engines know that have no arrays of
    a fixed one. Nothing is copied."""
    columns = []
    for name in names:
        column = batch.column(name)
        if pa.types.is_fixed_size_list(column.type):
            offsets = pa.array(range(0, len(column.flatten()) + 1, column.type.list_size), pa.int32())
            column = pa.ListArray.from_arrays(offsets, column.flatten())
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names)
