import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Served extends AsyncDisposable {
  readonly url: string;
  /** The serving program. */
  readonly name: string;
}

export interface ListingServer extends Served {
  /** Returns the URLs requested since the last call. */
  asked(): Promise<readonly string[]>;
}

/** Serves a folder with latency: with nginx and its echo module if available, otherwise with a Node process. */
export async function serveFiles(directory: string, latencyMs: number): Promise<Served> {
  const module = echoModule();
  return module === undefined
    ? { name: 'Node', ...(await startNode('serve-files.ts', directory, String(latencyMs))) }
    : startNginx(directory, latencyMs, module);
}

export async function serveListing(index: string, latencyMs: number): Promise<ListingServer> {
  const server = await startNode('serve-listing.ts', index, String(latencyMs));
  return {
    name: 'Node',
    ...server,
    async asked() {
      const answer = await fetch(`${server.url}/asked`);
      return ((await answer.json()) as string[]).map((path) => server.url + path);
    },
  };
}

/** Returns the path of nginx's echo module (Debian: libnginx-mod-http-echo), if it is installed. */
function echoModule(): string | undefined {
  const { stderr } = spawnSync('nginx', ['-V'], { encoding: 'utf8' });
  const folder = /--modules-path=(\S+)/.exec(stderr ?? '')?.[1];
  const module = folder && join(folder, 'ngx_http_echo_module.so');
  return module && existsSync(module) ? module : undefined;
}

const nginxConfig = (port: number, directory: string, latencyMs: number, module: string, temporary: string) => `
load_module ${module};
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes auto;
daemon off;
pid ${temporary}/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((it) => `${it}_temp_path ${temporary};`).join(' ')}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 300;
  keepalive_requests 100000000;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${directory};
    location / { echo_sleep ${latencyMs / 1000}; echo_exec @file; }
    location @file { }
  }
}
`;

async function startNginx(directory: string, latencyMs: number, module: string): Promise<Served> {
  const temporary = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  const config = join(temporary, 'nginx.conf');
  const port = await freePort();
  writeFileSync(config, nginxConfig(port, directory, latencyMs, module, temporary));
  const child = spawn('nginx', ['-p', temporary, '-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  await accepts(port, child);
  return {
    name: 'nginx',
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await stop(child);
      rmSync(temporary, { recursive: true, force: true });
    },
  };
}

async function startNode(script: string, ...args: readonly string[]): Promise<Omit<Served, 'name'>> {
  const path = join(import.meta.dirname, '..', script);
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const [url] = (await once(lines, 'line')) as [string];
  return { url, [Symbol.asyncDispose]: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'close');
  child.kill();
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function accepts(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await sleep(50);
  }
  throw new Error('nginx did not start');
}
