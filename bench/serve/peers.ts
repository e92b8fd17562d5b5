/** Other servers that do the same work: the same request, the same regular expression, the rewards as the answer. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const node = `import { createServer } from "node:http";
const number = /-?\\d[\\d,]*(?:\\.\\d+)?/g;
const last = (text) => (text.match(number) ?? []).at(-1)?.replaceAll(",", "") ?? null;
createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    let answer = "{}";
    if (request.method === "POST") {
      const { fields } = JSON.parse(Buffer.concat(pieces).toString());
      answer = JSON.stringify({ rewards: fields.responses.map((text, i) => (last(text) === fields.references[i] ? 1 : 0)) });
    }
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(answer) });
    response.end(answer);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
`;

const score = `number = re.compile(r"-?\\d[\\d,]*(?:\\.\\d+)?")
def score(response, reference):
    found = number.findall(response)
    return 1.0 if found and found[-1].replace(",", "") == reference else 0.0
`;

const fastapi = `import re
from typing import List
from fastapi import FastAPI
from pydantic import BaseModel
${score}
app = FastAPI()
class Batch(BaseModel):
    responses: List[str]
    references: List[str]
class Request(BaseModel):
    fields: Batch
@app.get("/healthz")
async def healthz():
    return {}
@app.post("/v1/score")
async def rewards(body: Request):
    return {"rewards": [score(a, b) for a, b in zip(body.fields.responses, body.fields.references)]}
`;

const starlette = `import re
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
${score}
async def healthz(request):
    return JSONResponse({})
async def rewards(request):
    fields = (await request.json())["fields"]
    return JSONResponse({"rewards": [score(a, b) for a, b in zip(fields["responses"], fields["references"])]})
app = Starlette(routes=[Route("/healthz", healthz), Route("/v1/score", rewards, methods=["POST"])])
`;

export interface Peer {
  readonly name: string;
  readonly command: string;
  readonly args: (port: number) => readonly string[];
}

/** A Python that has FastAPI and uvicorn: the one on the path, or the system's. Null where there is none. */
function findPython(): { command: string; versions: string } | null {
  const versions =
    "import fastapi, uvicorn, pydantic, sys; print('Python', sys.version.split()[0] + ', FastAPI', fastapi.__version__ + ', uvicorn', uvicorn.__version__ + ', pydantic', pydantic.VERSION)";
  for (const command of ["python3", "/usr/bin/python3"]) {
    const { status, stdout } = spawnSync(command, ["-c", versions], { encoding: "utf8" });
    if (status === 0) return { command, versions: stdout.trim() };
  }
  return null;
}

export function makePeers(folder: string): { peers: Peer[]; said: string } {
  writeFileSync(join(folder, "peer.mjs"), node);
  const peers: Peer[] = [
    { name: "node:http", command: process.execPath, args: (port) => [join(folder, "peer.mjs"), String(port)] },
  ];
  const python = findPython();
  if (!python) return { peers, said: "FastAPI and uvicorn are not installed: not measured" };
  writeFileSync(join(folder, "peer_fastapi.py"), fastapi);
  writeFileSync(join(folder, "peer_starlette.py"), starlette);
  const uvicorn = (app: string) => (port: number) =>
    `-m uvicorn ${app}:app --port ${port} --log-level warning --no-access-log`.split(" ");
  peers.push(
    { name: "FastAPI", command: python.command, args: uvicorn("peer_fastapi") },
    { name: "Starlette", command: python.command, args: uvicorn("peer_starlette") },
  );
  return { peers, said: `${python.versions}; one uvicorn process, Starlette without a schema` };
}
