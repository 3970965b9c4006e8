import { existsSync } from 'node:fs';
import { access, constants, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { Agent, EnvHttpProxyAgent, request } from 'undici';
import { about } from '../about.ts';
import type { ResolvedTarget } from '../config/target.ts';
import { freeBytes } from '../disk.ts';
import { databaseSize, duckdbVersion, openWarehouse, verifyDatabase } from '../duckdb/index.ts';
import { formatError, PipelineError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { machineFault } from '../machine-fault.ts';
import { refuseOlder } from '../migrations/states.ts';
import { commandsNode, expectNode } from '../node-version.ts';
import { expectOpenFiles } from '../open-files.ts';
import type { UrlAccess } from '../secrets.ts';
import { describeHolder, lockState } from './lock.ts';
import { backupsOf, refuseLost, stateOfFile } from './lost.ts';
import type { TargetPaths } from './paths.ts';

export interface Finding {
  readonly ok: boolean;
  readonly subject: string;
  readonly detail: string;
}

const lockTexts = {
  held: (holder: string) => `held by ${holder}`,
  left: (holder: string) => `free: left behind by ${holder}; the next run takes it over`,
  elsewhere: (holder: string) =>
    `held by ${holder}, unless that run has ended: the next one waits 15 s for a heartbeat`,
};
/** @throws PipelineError WAREHOUSE_UNREADABLE for a file that is empty or truncated, and as `verifyDatabase` */
async function verifyBackup(file: string, signal: AbortSignal): Promise<void> {
  if (stateOfFile(file) === 'there') return verifyDatabase(file, { signal });
  throw new PipelineError('WAREHOUSE_UNREADABLE', 'it is empty or truncated', {
    file,
    hint: 'remove it: it cannot be restored',
  });
}

/** Describes which secret parts a URL has, without showing them. */
function accessText({ authorization, query }: UrlAccess = {}): string {
  const parts = [...(authorization ? ['user and password'] : []), ...(query ? ['a query'] : [])];
  return parts.length === 0 ? '' : ` (with ${parts.join(' and ')})`;
}

/**
 * Checks what a run needs from this machine and from the archive; changes nothing, except that it may create an empty
 * data folder.
 */
export async function examine(options: {
  readonly target: ResolvedTarget;
  readonly paths: TargetPaths;
  /** The folder of pipeline.yaml. */
  readonly root: string;
  readonly signal: AbortSignal;
}): Promise<readonly Finding[]> {
  const { target, paths, root, signal } = options;
  const findings: Finding[] = [];
  const look = async (subject: string, work: () => Promise<string>) => {
    try {
      findings.push({ ok: true, subject, detail: await work() });
    } catch (error) {
      findings.push({ ok: false, subject, detail: formatError(machineFault(error)) });
    }
  };
  await look('node', async () => {
    expectNode(commandsNode, 'start it through engine/start.js, which finds it');
    return process.versions.node;
  });
  await look('duckdb', async () => {
    await using warehouse = await openWarehouse({ file: ':memory:', signal });
    return await duckdbVersion(warehouse); // awaited before it is closed
  });
  await look('data folder', async () => {
    await mkdir(paths.root, { recursive: true });
    await access(paths.root, constants.W_OK);
    return `${paths.root}, ${formatBytes(await freeBytes(paths.root))} free`;
  });
  await look('warehouse', async () => {
    refuseLost(paths.warehouse);
    if (!existsSync(paths.warehouse)) return 'none yet: pnpm pipeline run builds it';
    await using warehouse = await openWarehouse({ file: paths.warehouse, readOnly: true, signal });
    await refuseOlder(warehouse, root);
    return `${paths.warehouse}, ${await databaseSize(warehouse)}`;
  });
  await look('lock', async () => {
    const state = lockState(paths.root);
    if (state.kind === 'free') return 'free: no run of this target is in progress';
    return lockTexts[state.kind](describeHolder(state.holder));
  });
  for (const name of [...backupsOf(paths.root)].reverse()) {
    await look('backup', async () => {
      const file = path.join(paths.backups, name);
      await verifyBackup(file, signal);
      return `${file}, ${formatBytes((await stat(file)).size)}, complete`;
    });
  }
  await look('target', async () => {
    const { archive, access } = target;
    const listing = target.listing === archive ? '' : `, listing ${target.listing}${accessText(access?.listing)}`;
    const kind = target.synthetic ? ' (synthetic data)' : '';
    const from = archive === undefined ? 'no archive' : `archive ${archive}${accessText(access?.archive)}`;
    return `${target.name}: ${from}${listing}${kind}`;
  });
  const { archive, listing } = target;
  const hosts = [
    [archive, target.access?.archive] as const,
    ...(listing === archive ? [] : [[listing, target.access?.listing] as const]),
  ];
  for (const [address, secret = {}] of hosts) {
    if (address !== undefined && /^https?:/i.test(address))
      await look('archive', () => contact(address, secret, signal));
  }
  await look('open files', async () => {
    const limit = expectOpenFiles();
    return Number.isFinite(limit) ? `${limit} at once` : 'no limit';
  });
  return findings;
}

const timeoutMs = 10_000;
const refusals: ReadonlySet<number> = new Set([401, 403, 407, 451]);

/**
 * Sends one request to a host, through the proxy of the environment, and describes the answer. A 404 is an answer.
 * @throws PipelineError ARCHIVE_UNREACHABLE, ARCHIVE_REFUSED
 */
async function contact(address: string, access: UrlAccess, signal: AbortSignal): Promise<string> {
  const url = new URL(address);
  const { authorization, query = '' } = access;
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  const agent = isLoopback ? new Agent() : new EnvHttpProxyAgent();
  const startedAt = performance.now();
  const { statusCode, body } = await request(query === '' ? url : `${url}?${query}`, {
    dispatcher: agent,
    headers: { 'user-agent': about.name, ...(authorization !== undefined && { authorization }) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  }).catch(async (cause: Error & { code?: string }) => {
    await agent.destroy();
    signal.throwIfAborted();
    const why =
      cause.name === 'TimeoutError' ? `no answer within ${timeoutMs / 1000} s` : (cause.code ?? cause.message);
    throw new PipelineError('ARCHIVE_UNREACHABLE', `${url.host} cannot be reached: ${why}`, {
      url: url.origin,
      hint: "check the network, the proxy (HTTPS_PROXY) and the target's URL",
      cause,
    });
  });
  await body.dump();
  await agent.destroy();
  if (refusals.has(statusCode) || statusCode >= 500) {
    throw new PipelineError('ARCHIVE_REFUSED', `${url.host} refuses access`, {
      url: url.origin,
      status: statusCode,
      hint: 'check the URL, the proxy and the region that you connect from',
    });
  }
  return `${url.host} answers in ${Math.round(performance.now() - startedAt)} ms`;
}
