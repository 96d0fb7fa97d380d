#!/usr/bin/env python3
"""A model hub for tests: fake_hub.py ROOT STATE

Serves the folders ROOT/ORG/NAME as Hugging Face's hub does: revision, tree, resolve; files of LFS (all
*.safetensors, *.bin, *.gguf) by a redirect to another host name (localhost instead of 127.0.0.1).
With STATE/cert.pem (a key and a certificate), it speaks https.
Writes its address to STATE/endpoint when it listens, and a JSON line for every request to STATE/log.
STATE/faults holds the faults to commit, one a line: NAME or NAME=VALUE; it is read at every request.
"""
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import ssl
import sys
import threading
import time
import urllib.parse

COMMIT = '0123456789abcdef0123456789abcdef01234567'
LFS = ('.safetensors', '.bin', '.gguf')
PIECE = 65536

root, state = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
log_lock = threading.Lock()
counts = {}


def faults():
    try:
        lines = (state / 'faults').read_text().split()
    except FileNotFoundError:
        return {}
    return dict(line.partition('=')[::2] for line in lines)


def counted(name, most):
    """True for the first `most` calls since the fault was set."""
    with log_lock:
        key = (name, (state / 'faults').stat().st_mtime_ns)
        counts[key] = counts.get(key, 0) + 1
        return counts[key] <= most


def git_hash(data):
    return hashlib.sha1(b'blob %d\0' % len(data) + data).hexdigest()


def is_lfs(path):
    return path.endswith(LFS)


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def note(self, sent):
        line = {'method': self.command, 'path': self.path, 'host': self.headers.get('Host'),
                'token': 'Authorization' in self.headers, 'range': self.headers.get('Range'),
                'agent': self.headers.get('User-Agent', ''), 'sent': sent}
        with log_lock, open(state / 'log', 'a') as log:
            log.write(json.dumps(line) + '\n')

    def answer(self, status, body=b'', headers=()):
        self.send_response(status)
        names = [name for name, _ in headers]
        for name, value in headers:
            self.send_header(name, value)
        if 'Content-Length' not in names:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)
        self.note(len(body))

    def refuse(self, status, code):
        self.answer(status, b'no', [('X-Error-Code', code), ('X-Error-Message', code + ' it is')])

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.faults = faults()
        try:
            self.serve()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(part) for part in url.path.strip('/').split('/')]
        if 'errors' in self.faults and counted('errors', int(self.faults['errors'])):
            return self.answer(500, b'oops')
        if 'limit' in self.faults and counted('limit', 1):
            wait = self.faults['limit']
            return self.answer(429, b'', [('RateLimit', f'"resolvers";r=0;t={wait}'),
                                          ('RateLimit-Policy', '"fixed window";"resolvers";q=1;w=300')])
        if 'retry_after' in self.faults and counted('retry_after', 1):
            return self.answer(503, b'', [('Retry-After', self.faults['retry_after'])])
        if 'gated' in self.faults:
            return self.refuse(401, 'GatedRepo')
        if parts[0] == 'cdn':
            return self.serve_bytes((root / '/'.join(parts[1:])).read_bytes())
        if parts[:2] == ['api', 'models']:
            return self.serve_api('/'.join(parts[2:4]), parts[4], parts[5], url.query)
        if len(parts) > 4 and parts[2] == 'resolve':
            return self.serve_file('/'.join(parts[:2]), parts[3], '/'.join(parts[4:]))
        self.answer(404, b'')

    def serve_api(self, repo, what, revision, query):
        if not (root / repo).is_dir():
            return self.refuse(401 if 'Authorization' not in self.headers else 404, 'RepoNotFound')
        if revision not in (COMMIT, 'main', 'v1', 'refs/pr/1'):
            return self.refuse(404, 'RevisionNotFound')
        if what == 'revision':
            files = [{'rfilename': entry['path']} for entry in self.entries(repo)]
            return self.json({'id': repo, 'sha': COMMIT, 'siblings': files})
        entries = self.odd_entries(self.entries(repo))
        if 'huge' in self.faults:
            return self.answer(200, b'[' + b' ' * (40 << 20) + b']')
        if 'deep' in self.faults:
            return self.answer(200, b'[' * 1000000)
        if 'pages' in self.faults:
            at = int(urllib.parse.parse_qs(query).get('at', ['0'])[0])
            base = f'{self.server.scheme}://{self.headers["Host"]}{self.path.split("?")[0]}'
            if self.faults['pages'] == 'endless':
                at = 0
            more = at + 1 < len(entries)
            link = [('Link', f'<{base}?recursive=true&at={at + 1}>; rel="next"')] if more else []
            return self.json(entries[at:at + 1], link)
        self.json(entries)

    def json(self, value, headers=()):
        self.answer(200, json.dumps(value).encode(), [('Content-Type', 'application/json'), *headers])

    def entries(self, repo):
        out = []
        for path in sorted((root / repo).rglob('*')):
            name = path.relative_to(root / repo).as_posix()
            if path.is_dir():
                out.append({'type': 'directory', 'path': name, 'oid': 'f' * 40, 'size': 0})
                continue
            data = path.read_bytes()
            entry = {'type': 'file', 'path': name, 'size': len(data), 'oid': git_hash(data)}
            if is_lfs(name):
                entry['lfs'] = {'oid': hashlib.sha256(data).hexdigest(), 'size': len(data),
                                'pointerSize': 134}
                entry['xetHash'] = 'a' * 64
            out.append(entry)
        return out

    def odd_entries(self, entries):
        files = [entry for entry in entries if entry['type'] == 'file']
        if 'path' in self.faults:
            files[0]['path'] = urllib.parse.unquote(self.faults['path'])
        if 'size' in self.faults:
            files[-1]['size'] = json.loads(self.faults['size'])
            files[-1].pop('lfs', None)
        if 'hash' in self.faults:
            files[-1]['oid'] = self.faults['hash']
            files[-1].pop('lfs', None)
        if 'twice' in self.faults:
            files.append(files[0])
        return entries if 'twice' not in self.faults else files

    def serve_file(self, repo, revision, path):
        file = root / repo / path
        if 'loop' in self.faults:
            return self.answer(302, b'', [('Location', self.path)])
        if 'elsewhere' in self.faults:
            return self.answer(302, b'', [('Location', self.faults['elsewhere'])])
        if not file.is_file() or ('entry' in self.faults and path == self.faults['entry']):
            return self.refuse(404, 'EntryNotFound')
        hops = int(self.faults.get('hops', 0))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        done = int(query.get('hop', ['0'])[0])
        if done < hops:
            plain = self.path.split('?')[0]
            return self.answer(307, b'', [('Location', f'{plain}?hop={done + 1}')])
        data = file.read_bytes()
        weak = 'W/' if 'weak' in self.faults else ''
        head = [('X-Repo-Commit', COMMIT)]
        if not is_lfs(path):
            return self.serve_bytes(data, head + [('ETag', f'{weak}"{git_hash(data)}"')])
        port = self.server.server_port
        head += [('X-Linked-Size', str(len(data))), ('X-Xet-Hash', 'a' * 64),
                 ('X-Linked-Etag', f'{weak}"{hashlib.sha256(data).hexdigest()}"'),
                 ('Location', f'{self.server.scheme}://localhost:{port}/cdn/{repo}/{path}?Signature=s')]
        self.answer(302, b'', head)

    def serve_bytes(self, data, headers=()):
        whole = len(data)
        headers = list(headers) + [('Accept-Ranges', 'bytes')]
        status, begin = 200, 0
        wanted = self.headers.get('Range')
        if wanted and 'no_range' not in self.faults:
            begin = int(wanted.removeprefix('bytes=').split('-')[0])
            if begin >= whole:
                return self.answer(416, b'')
            status = 206
            headers.append(('Content-Range', f'bytes {begin}-{whole - 1}/{whole}'))
            data = data[begin:]
        if 'flip' in self.faults and data and counted('flip', int(self.faults['flip'] or 1000)):
            data = data[:-1] + bytes([data[-1] ^ 1])
        if 'gzip' in self.faults:
            data = gzip.compress(data)
            headers.append(('Content-Encoding', 'gzip'))
        if 'length' in self.faults:
            headers.append(('Content-Length', str(len(data) + int(self.faults['length']))))
            data += b'x' * max(0, int(self.faults['length']))
            self.close_connection = True
        if 'chunked' in self.faults:
            return self.send_chunked(status, headers, data + b'x' * int(self.faults['chunked'] or 0))
        if 'cut' in self.faults and len(data) > PIECE:
            headers.append(('Content-Length', str(len(data))))
            data = data[:PIECE]
            self.close_connection = True
        if 'slow' in self.faults or 'pace' in self.faults:
            return self.send_slowly(status, headers, data)
        self.answer(status, data, headers)

    def send_chunked(self, status, headers, data):
        self.send_response(status)
        for name, value in (*headers, ('Transfer-Encoding', 'chunked')):
            self.send_header(name, value)
        self.end_headers()
        for at in range(0, len(data), PIECE):
            piece = data[at:at + PIECE]
            self.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
        self.wfile.write(b'0\r\n\r\n')
        self.note(len(data))

    def send_slowly(self, status, headers, data):
        """slow: a byte at a time. pace=N: N pieces a second."""
        self.send_response(status)
        for name, value in (*headers, ('Content-Length', str(len(data)))):
            self.send_header(name, value)
        self.end_headers()
        step = 1 if 'slow' in self.faults else PIECE
        pause = 0.2 if 'slow' in self.faults else 1 / float(self.faults['pace'])
        sent = 0
        try:
            for at in range(0, len(data), step):
                self.wfile.write(data[at:at + step])
                self.wfile.flush()
                sent += len(data[at:at + step])
                time.sleep(pause)
        finally:
            self.note(sent)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


def main():
    server = Server(('127.0.0.1', 0), Hub)
    server.scheme = 'http'
    if (state / 'cert.pem').exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(state / 'cert.pem')
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = 'https'
    temporary = state / 'endpoint.new'
    temporary.write_text(f'{server.scheme}://127.0.0.1:{server.server_port}')
    os.replace(temporary, state / 'endpoint')
    server.serve_forever()


main()
