import { readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dailyBar, smallArchive, writeSmallArchive } from '../support/archive.ts';
import { type Exchange, openExchange } from '../support/exchange.ts';
import { type Gate, openGate } from '../support/gate.ts';
import { impatientProject } from '../support/impatient-project.ts';
import { type PipelineOptions, type PipelineResult, pipeline, pipelineInProcess } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { scratchProject } from '../support/scratch.ts';
import { type ServedArchive, serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const ofArchive = { user: 'Ann@7f3a:pa/ss 91bc', query: 'sig=Q55de%2F+x&e=Qe1f9' };
const ofListing = { user: 'Lin%b4d2:l%C3%A4 60aa', query: 'token=Qc0de' };
const ofExchange = { user: 'Exa19d:we?rt 77ce', query: 'key=Qf00d' };

/** Every form in which a secret can appear. */
const secrets = [ofArchive, ofListing, ofExchange].flatMap(({ user, query }) => {
  const [name = '', password = ''] = user.split(':');
  const values = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1));
  const plain = [name, password, ...values];
  return [...plain, ...plain.map(encodeURIComponent), Buffer.from(user).toString('base64')];
});
const leaks = (text: string) => secrets.filter((secret) => text.includes(secret));

/** A URL with its secrets, some of them wrong. */
function urlOf(gate: Gate, { user, query }: typeof ofArchive, path = ''): string {
  const [name = '', password = ''] = user.split(':');
  return `http://${encodeURIComponent(name)}:${encodeURIComponent(password)}@${gate.host}${path}?${query}`;
}

/** Searches every byte that a call has left, in files and on the screen. */
async function expectNoSecret(result: PipelineResult, dataDir: string): Promise<void> {
  expect(leaks(result.stdout)).toEqual([]);
  expect(leaks(result.stderr)).toEqual([]);
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = join(entry.parentPath, entry.name);
    const found = leaks((await readFile(file)).toString('latin1'));
    const foundInText = leaks((await readFile(file)).toString('utf8'));
    expect([file, ...found, ...foundInText]).toEqual([file]);
  }
}

const symbols = smallArchive.symbols.slice(0, 2);
const days = smallArchive.days.slice(-6);
const ordinary = [
  ...['--target', 'mirror', '--as-of', smallArchive.asOf],
  ...['--vars', '{"availability_timeframe":"1d","max_failed":0}'],
];

describe('users, passwords and queries of URLs (B34)', () => {
  let server: ServedArchive;
  let exchange: Exchange;
  let archiveGate: Gate;
  let listingGate: Gate;
  let exchangeGate: Gate;
  let env: Record<string, string>;
  const restArgs = () => {
    const urls = ['spot', 'futures-um', 'futures-cm'].map((market) => `${market}=${urlOf(exchangeGate, ofExchange)}`);
    return ['--var', 'rest_fill=true', '--var', `rest_urls=${urls.join(',')}`];
  };

  beforeAll(async () => {
    const archive = await writeSmallArchive(await tempDir('small-'), { symbols, days: days.slice(0, -1) });
    server = await serveArchive(archive.directory);
    exchange = await openExchange();
    for (const symbol of symbols) {
      exchange.bars.set(
        `futures-um/${symbol}/1d`,
        days.map((day) => dailyBar(symbol, day)),
      );
    }
    archiveGate = await openGate(server.url, ofArchive);
    listingGate = await openGate(server.url, ofListing);
    exchangeGate = await openGate(exchange.url, ofExchange);
    env = {
      PIPELINE_ARCHIVE_URL: urlOf(archiveGate, ofArchive, '/base/'),
      PIPELINE_LISTING_URL: urlOf(listingGate, ofListing, '/base'),
    };
  });
  afterAll(async () => {
    for (const one of [archiveGate, listingGate, exchangeGate, exchange, server]) await one[Symbol.asyncDispose]();
  });

  const call = (args: readonly string[], options: PipelineOptions) => pipelineInProcess(args, { env, ...options });

  test.each(['text', 'json'])('are sent and never shown by a run, a plan or doctor, as %s', async (format) => {
    const dataDir = await tempDir('data-');
    const args = [...ordinary, '--log-format', format, '--debug'];
    const plan = await call(['plan', ...args], { dataDir });
    expectExit(plan, 0);
    await expectNoSecret(plan, dataDir);
    let lock = '';
    exchangeGate.intercept = () => {
      lock ||= readFileSync(join(dataDir, 'mirror/run.lock'), 'utf8');
      return false;
    };
    const run = await call(['run', ...args, ...restArgs()], { dataDir });
    exchangeGate.intercept = undefined;
    expectExit(run, 0);
    expect([leaks(lock), lock.includes(`futures-um=http://***@${exchangeGate.host}?***`)]).toEqual([[], true]);
    await expectNoSecret(run, dataDir);
    for (const gate of [archiveGate, listingGate, exchangeGate]) {
      expect(gate.statuses.get(200)).toBeGreaterThan(0);
      expect([gate.statuses.get(401), gate.statuses.get(403)]).toEqual([undefined, undefined]);
    }

    const doctor = await call(['doctor', '--target', 'mirror'], { dataDir });
    await expectNoSecret(doctor, dataDir);
    expect(doctor.stdout).toContain(`archive http://${archiveGate.host}/base (with user and password and a query)`);
    const retry = await call(['retry', '--target', 'mirror'], { dataDir });
    expectExit(retry, 2);
    expect(retry.stderr).toContain('run the whole command again');
    await expectNoSecret(retry, dataDir);
  });

  test('are also sent if they come from pipeline.yaml', async () => {
    const project = await scratchProject();
    await project.edit(
      'pipeline.yaml',
      'mirror: { archive: http://127.0.0.1:8080 }',
      `mirror: { archive: "${env.PIPELINE_ARCHIVE_URL}" }`,
    );
    const run = await call(['run', ...ordinary], { env: {}, cwd: project.root, dataDir: project.dataDir });
    expectExit(run, 0);
    await expectNoSecret(run, project.dataDir);
  });

  test('make logs, artifacts and the lock readable by their owner alone', async () => {
    const dataDir = await tempDir('data-');
    expectExit(await call(['run', ...ordinary], { dataDir }), 0);
    const root = join(dataDir, 'mirror');
    const [log = ''] = await readdir(join(root, 'logs'));
    for (const file of [`logs/${log}`, 'artifacts/run.json', 'artifacts/graph.json'])
      expect([file, (await stat(join(root, file))).mode & 0o777]).toEqual([file, 0o600]);
  });

  test.each([
    ['a wrong password', 401, 'Ann@7f3a:other', ofArchive.query, 'does not accept the user and the password'],
    ['a wrong query', 403, ofArchive.user, 'sig=Q55de', 'refuses access with the user and query of the URL'],
  ])('%s is told as what it means, with where it is read from', async (_, status, user, query, text) => {
    const dataDir = await tempDir('data-');
    const url = urlOf(archiveGate, { user, query }, '/base');
    const run = await pipeline(['run', ...ordinary, '--debug', '--var', 'verify=checksum'], {
      env: { ...env, PIPELINE_ARCHIVE_URL: url },
      cwd: await impatientProject(),
      dataDir,
    });
    expectExit(run, 1);
    expect(run.stdout + run.stderr).toContain(text);
    expect(run.stdout + run.stderr).toContain(`status: ${status}`);
    expect(run.stdout + run.stderr).toContain('PIPELINE_ARCHIVE_URL');
    await expectNoSecret(run, dataDir);
  });

  test('a host that asks for a password that the URL lacks is explained', async () => {
    const dataDir = await tempDir('data-');
    const run = await call(['run', ...ordinary], {
      env: { PIPELINE_ARCHIVE_URL: `http://${archiveGate.host}` },
      dataDir,
    });
    expectExit(run, 1);
    expect(run.stdout).toContain('requires a user and a password, but the URL has none');
    expect(run.stdout).toContain('https://user:password@host/');
  });

  test('are not sent to another host, even if its address repeats them', async () => {
    const asked: string[] = [];
    const other = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    listingGate.intercept = ({ url }, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${(other.address() as AddressInfo).port}${url}` }).end();
      return true;
    };
    const dataDir = await tempDir('data-');
    const run = await call(['run', ...ordinary, '--debug'], { dataDir });
    listingGate.intercept = undefined;
    other.close();
    expectExit(run, 1);
    expect(run.stdout).toContain('redirects to another host');
    expect(asked).toEqual([]);
    await expectNoSecret(run, dataDir);
  });

  test('are not shown if the exchange repeats them', async () => {
    exchangeGate.intercept = ({ url, headers }, response) => {
      const msg = `illegal: ${url} of ${headers.authorization}, ${ofExchange.user}`;
      response.writeHead(400).end(JSON.stringify({ code: -1, msg }));
      return true;
    };
    const dataDir = await tempDir('data-');
    const run = await call(['run', ...ordinary, ...restArgs(), '--debug'], { dataDir });
    exchangeGate.intercept = undefined;
    expectExit(run, 1);
    expect(run.stdout).toContain('illegal: /fapi/v1/klines?');
    await expectNoSecret(run, dataDir);
  });

  test('a request without any answer shows only the address', async () => {
    const dataDir = await tempDir('data-');
    const gone = urlOf({ ...archiveGate, host: '127.0.0.1:1' }, ofArchive, '/base');
    const run = await call(['run', ...ordinary, '--debug', '--log-format', 'json'], {
      env: { PIPELINE_ARCHIVE_URL: gone },
      cwd: await impatientProject(),
      dataDir,
    });
    expectExit(run, 1);
    expect(run.stderr).toContain('ARCHIVE_UNREACHABLE');
    expect(run.stderr).toContain('http://127.0.0.1:1/base');
    await expectNoSecret(run, dataDir);
  });

  const ann = 'Ann%407f3a:pa%2Fss%2091bc';
  test.each([
    [
      'an archive that is not a URL',
      ['run'],
      { PIPELINE_ARCHIVE_URL: `http://Ann@7f3a:pa/ss 91bc@host/?sig=Q55de%2F+x` },
    ],
    ['an archive without https://', ['run'], { PIPELINE_ARCHIVE_URL: `${ann}@host/base` }],
    ['an archive of another protocol', ['run'], { PIPELINE_ARCHIVE_URL: `ftp://${ann}@host/base?sig=Q55de` }],
    ['an archive with half a protocol', ['run'], { PIPELINE_ARCHIVE_URL: `https//${ann}@host/base` }],
    ['a listing with a fragment', ['run'], { PIPELINE_LISTING_URL: `https://${ann}@host/#Q55de` }],
    ['truncated JSON', ['run', '--vars', `{"rest_urls":["spot=http://${ann}@host"`], {}],
    ['an undeclared var', ['run', '--var', `rest_url=http://${ann}@host?sig=Q55de`], {}],
    ['a var of another type', ['run', '--var', `rest_fill=http://Ann@7f3a:pa/ss 91bc@host`], {}],
    ['a value without a name', ['run', '--var', `http://${ann}@host`], {}],
    ['an unknown option', ['run', `--archive=http://${ann}@host?sig=Q55de`], {}],
    ['an unknown command', [`http://${ann}@host?sig=Q55de`], {}],
    ['a selector that matches nothing', ['run', '--select', `http://${ann}@host`], {}],
    ['a lock at a URL', ['run', '--locked', `http://${ann}@host/sources.lock`], undefined],
    ['a pipeline at a URL', ['run', '--pipeline', `http://${ann}@host/pipeline.yaml`], {}],
  ])('are not shown by the error of %s', async (_, args, more) => {
    for (const format of ['text', 'json']) {
      const dataDir = await tempDir('data-');
      const [command = '', ...rest] = args;
      const all = [command, ...rest, '--target', 'mirror', '--debug', '--log-format', format];
      const result = await call(all, { ...(more && { env: more }), dataDir });
      expect(result.exitCode).not.toBe(0);
      await expectNoSecret(result, dataDir);
    }
  });

  test.each([
    ['an unknown key', `mirror: { archive: "http://${ann}@host/?sig=Q55de", "http://${ann}@host": 1 }`],
    ['a wrong type', `mirror: { archive: ["http://${ann}@host/?sig=Q55de"] }`],
    ['a text that is shortened to fit', `mirror: { archive: { x: "http://${ann}${'0'.repeat(60)}@host/?sig=Q55de" } }`],
    ['a syntax error within it', `mirror: { archive: http://Ann@7f3a: pa/ss 91bc: @host/?sig=Q55de }`],
    ['one colon too many', `mirror:\n    archive: http://Ann@7f3a: pa/ss 91bc@host`],
    ['an unclosed quote', `mirror: { archive: "http://${ann}@host/?sig=Q55de }`],
    ['a duplicate key', `mirror: { archive: "http://${ann}@host", archive: "http://${ann}@host/?sig=Q55de" }`],
  ])('are not shown if pipeline.yaml has %s', async (_, text) => {
    const project = await scratchProject();
    await project.edit('pipeline.yaml', 'mirror: { archive: http://127.0.0.1:8080 }', text);
    for (const format of ['text', 'json']) {
      const result = await call(['run', '--debug', '--log-format', format], {
        env: {},
        cwd: project.root,
        dataDir: project.dataDir,
      });
      expect(result.exitCode).toBe(2);
      await expectNoSecret(result, project.dataDir);
    }
  });

  test('of a proxy are used but not shown', async () => {
    const used: (string | undefined)[] = [];
    const proxy = createServer((request, response) => {
      used.push(request.headers['proxy-authorization']);
      const { pathname, search } = new URL(request.url ?? '');
      const [host = '', port = ''] = archiveGate.host.split(':');
      const { 'proxy-authorization': _, ...headers } = request.headers;
      const onward = { host, port, path: pathname + search, headers };
      get(onward, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const dataDir = await tempDir('data-');
    const run = await pipeline(['run', ...ordinary, '--debug'], {
      env: {
        HTTP_PROXY: `http://Ann%407f3a:pa%2Fss%2091bc@127.0.0.1:${(proxy.address() as AddressInfo).port}`,
        NO_PROXY: '',
        PIPELINE_ARCHIVE_URL: urlOf({ ...archiveGate, host: 'archive.test' }, ofArchive, '/base'),
      },
      dataDir,
    });
    proxy.closeAllConnections();
    proxy.close();
    await expectNoSecret(run, dataDir);
    expectExit(run, 0);
    expect(new Set(used)).toEqual(new Set([`Basic ${Buffer.from(ofArchive.user).toString('base64')}`]));
  });
});
