"""Object storage to test against: moto's S3 server in a process of its own, which can be made to fail.

It answers one request after another, so that a condition on a write is one act with the write, as S3 has it. Started
as a program it prints its port; `ObjectStorage` starts it, and asks it to fail in the ways that a network has.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

KEY, SECRET = "team", "not a secret"


class ObjectStorage:
    """A server of its own; every `bucket()` is a new one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__)), "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"
        self._numbers = itertools.count()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs beside the address."""
        return {
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    @property
    def options(self) -> dict[str, object]:
        """The options of an fsspec file system for it."""
        return {"endpoint_url": self.url, "key": KEY, "secret": SECRET}

    def client(self, service: str = "s3"):
        """A client of Amazon's own library, to look at what is really there."""
        import boto3

        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )  # fmt: skip

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"bucket-{next(self._numbers)}"
        self.client().create_bucket(Bucket=name)
        return name

    def reader(self) -> dict[str, str]:
        """The environment of somebody who may read and list and nothing else; from now on the server checks."""
        iam = self.client("iam")
        iam.create_user(UserName="reader")
        allowed = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=policy)
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        self._post("/moto-api/reset-auth", "0")
        return self.environment | {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def fail(self, kind: str, after: int = 0, pid: int = 0) -> None:
        """From the request after the next `after` on: `gone` (cut off), `denied` (403), `full` (507); `kill` sends
        SIGKILL to `pid` instead of answering that one request."""
        self._post("/-/fail", json.dumps([kind, after, pid]))

    def deaf(self) -> None:
        """Takes conditions on writes and does not heed them, as some servers do."""
        self._post("/-/deaf", "")

    def well(self) -> int:
        """All is as it was; how many requests there were since it was last said."""
        self._post("/moto-api/reset-auth", "inf")
        return int(self._post("/-/well", ""))

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def _post(self, path: str, body: str) -> str:
        request = urllib.request.Request(self.url + path, body.encode(), {"Content-Type": "text/plain"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()


class Moody:
    """WSGI in front of moto."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self._heal()

    def _heal(self) -> None:
        self._kind, self._left, self._pid, self._deaf, self._count = "", 0, 0, False, 0

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if path.startswith("/-/"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            said = str(self._count)
            if path == "/-/fail":
                self._kind, self._left, self._pid = json.loads(body)
            elif path == "/-/deaf":
                self._deaf = True
            else:
                self._heal()
            start_response("200 OK", [])
            return [said.encode()]
        if not path.startswith("/moto-api"):
            self._count += 1
            self._left -= 1
            if self._kind and self._left < 0:
                return self._failing(environ, start_response)
            if self._deaf:
                environ.pop("HTTP_IF_MATCH", None)
                environ.pop("HTTP_IF_NONE_MATCH", None)
        return self._inner(environ, start_response)

    def _failing(self, environ, start_response):
        if self._kind == "kill":
            os.kill(self._pid, signal.SIGKILL)
            self._kind = ""
        if self._kind in ("kill", "gone", ""):
            environ["werkzeug.socket"].shutdown(2)
            return []
        # an answer before the request was read is one that clients wait for
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code = {
            "denied": ("403 Forbidden", "AccessDenied"),
            "full": ("507 Insufficient Storage", "XMinioStorageFull"),
        }[self._kind]
        start_response(status, [("Content-Type", "application/xml")])
        if environ["REQUEST_METHOD"] == "HEAD":
            return []
        return [f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]


def serve() -> None:
    """Print the port, then answer."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = Moody(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=False)
    print(server.server_port, flush=True)  # noqa: T201  # it is how the port is told
    server.serve_forever()


if __name__ == "__main__":
    serve()
