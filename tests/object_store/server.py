"""An object store in memory, for tests: what the clients of S3 and of Google Cloud Storage (its XML API) ask for, no
signatures looked at, and faults on demand. Python's standard library alone.

    server.py        prints its port; ends when standard input is closed

PUT /BUCKET makes a bucket. PUT /_fault with a body of one of these lines is for later requests that write, remove or copy an
object whose name contains TEXT:

    hang TEXT          such a request is never answered
    fail COUNT TEXT    the next COUNT of them are answered with 503

GET /_hanging names the requests that hang.
"""

import hashlib
import re
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

buckets = {}
uploads = {}
fault = ["none"]
hanging = []
lock = threading.Lock()


def etag(data):
    return '"' + hashlib.md5(data).hexdigest() + '"'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def error(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code><Message>{code} here</Message></Error>")

    def handle_request(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(url.path)[1:].partition("/")
        if bucket == "_hanging":
            return self.answer(200, "\n".join(hanging))
        if bucket == "_fault":
            fault[:] = body.decode().split(" ", 2)
            return self.answer(200)
        if self.command == "PUT" and not key:
            buckets.setdefault(bucket, {})
            return self.answer(200)
        if bucket not in buckets:
            return self.error(404, "NoSuchBucket")
        names = key if key else body.decode(errors="replace")
        if self.command != "GET" and self.command != "HEAD" and not self.allowed(names):
            return self.error(503, "SlowDown")
        with lock:
            self.act(buckets[bucket], key, query, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_request

    def allowed(self, names):
        if fault[0] == "hang" and fault[1] in names:
            hanging.append(names)
            time.sleep(3600)
        if fault[0] == "fail" and fault[2] in names and int(fault[1]) > 0:
            fault[1] = str(int(fault[1]) - 1)
            return False
        return True

    def act(self, objects, key, query, body):
        if self.command in ("GET", "HEAD"):
            return self.list(objects, query) if not key else self.read(objects, key)
        if self.command == "POST" and "delete" in query:
            for name in re.findall(r"<Key>(.*?)</Key>", body.decode()):
                objects.pop(name, None)
            return self.answer(200, "<DeleteResult></DeleteResult>")
        if self.command == "POST" and "uploads" in query:
            uploads[str(len(uploads))] = {}
            identifier = f"<UploadId>{len(uploads) - 1}</UploadId>"
            return self.answer(200, f"<InitiateMultipartUploadResult>{identifier}</InitiateMultipartUploadResult>")
        if "uploadId" in query:
            parts = uploads[query["uploadId"]]
            if self.command == "PUT":
                parts[int(query["partNumber"])] = body
                return self.answer(200, headers=[("ETag", '"part"')])
            if self.command == "POST":
                objects[key] = b"".join(parts[number] for number in sorted(parts))
                result = "<ETag>whole</ETag>"
                return self.answer(200, f"<CompleteMultipartUploadResult>{result}</CompleteMultipartUploadResult>")
            return self.answer(204)
        if self.command == "DELETE":
            return self.answer(204) if objects.pop(key, None) is not None else self.error(404, "NoSuchKey")
        source = self.headers.get("x-amz-copy-source") or self.headers.get("x-goog-copy-source")
        if source:
            objects[key] = objects[urllib.parse.unquote(source).strip("/").partition("/")[2]]
            return self.answer(200, "<CopyObjectResult><ETag>whole</ETag></CopyObjectResult>")
        objects[key] = body
        return self.answer(200, headers=[("ETag", '"whole"')])

    def read(self, objects, key):
        if key not in objects:
            return self.error(404, "NoSuchKey")
        data = objects[key]
        headers = [("ETag", etag(data)), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not wanted:
            return self.answer(200, data, headers)
        first, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
        headers.append(("Content-Range", f"bytes {first}-{last}/{len(data)}"))
        return self.answer(206, data[first : last + 1], headers)

    def list(self, objects, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        contents, folders = [], set()
        for name in sorted(name for name in objects if name.startswith(prefix)):
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.split(delimiter)[0] + delimiter)
                continue
            contents.append(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(objects[name])}</Size><ETag>{escape(etag(objects[name]))}</ETag>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            )
        folders = [f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders)]
        self.answer(200, f"<ListBucketResult>{''.join(contents + folders)}</ListBucketResult>")


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
