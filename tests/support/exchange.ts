import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { msOfDay } from '../../exchange/timeframes.ts';

export type Market = 'spot' | 'futures-um' | 'futures-cm';

export interface Exchange extends AsyncDisposable {
  readonly url: string;
  /** The var `rest_urls` with this server for every market. */
  readonly urls: readonly string[];
  /** Bars as lines of an archive's CSV, by `market/symbol/interval`. A symbol without an entry is unknown (-1121). */
  readonly bars: Map<string, readonly string[]>;
  /** The weight allowed per minute, by market. More is answered with 429, and going on after that with 418. */
  readonly limits: Record<Market, number>;
  /** Statuses to answer the next requests with. */
  readonly faults: number[];
  /** Bodies to answer the next requests with, status 200. */
  readonly bodies: string[];
  /** Weight that other programs at this address add to each answer. */
  others: number;
  /** Called before each answer. */
  intercept: (() => void | Promise<void>) | undefined;
  /** Queries since the last call. */
  requests(): readonly ExchangeRequest[];
  /** The highest weight of any minute, and the number of answers by status. */
  readonly counts: { most: number; readonly statuses: Map<number, number> };
}

export interface ExchangeRequest {
  readonly market: Market;
  readonly symbol: string;
  readonly interval: string;
  readonly start: number;
  readonly end: number;
  readonly limit: number;
}

const marketOf: Readonly<Record<string, Market>> = {
  '/api/v3/klines': 'spot',
  '/fapi/v1/klines': 'futures-um',
  '/dapi/v1/klines': 'futures-cm',
};
const intervals = '1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M'.split(' ');
const minute = 60_000;

const weightOf = (market: Market, limit: number): number =>
  market === 'spot' ? 2 : limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;

const asJson = (line: string) => line.split(',').map((field, at) => ([0, 6, 8].includes(at) ? Number(field) : field));

/** A server that answers the klines of the three APIs as they are documented, with its own clock. */
export async function openExchange(options: { readonly now?: () => number } = {}): Promise<Exchange> {
  const { now = Date.now } = options;
  let asked: ExchangeRequest[] = [];
  const used = new Map<string, number>();
  /** Requests of a market after a 429 and before the end of its minute. */
  const defied = new Map<Market, { until: number; times: number }>();

  function reply(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
    exchange.counts.statuses.set(status, (exchange.counts.statuses.get(status) ?? 0) + 1);
    const date = new Date(now()).toUTCString();
    response.writeHead(status, { 'content-type': 'application/json', date, ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://exchange');
    const market = marketOf[url.pathname];
    await exchange.intercept?.();
    if (market === undefined) return reply(response, 404, '<html>');
    const text = (name: string) => url.searchParams.get(name) ?? '';
    const limit = Math.min(Number(text('limit') || 500), market === 'spot' ? 1000 : 1500);
    const [start, end] = [Number(text('startTime') || 0), Number(text('endTime') || now())];
    asked.push({
      market,
      symbol: text('symbol'),
      interval: text('interval'),
      start,
      end,
      limit: Number(text('limit')),
    });

    const thisMinute = Math.floor(now() / minute);
    const account = `${market}/${thisMinute}`;
    const weight = (used.get(account) ?? exchange.others) + weightOf(market, limit);
    used.set(account, weight);
    exchange.counts.most = Math.max(exchange.counts.most, weight);
    const headers = { 'x-mbx-used-weight-1m': String(weight) };
    const wait = String(Math.ceil(((thisMinute + 1) * minute - now()) / 1000));
    const defiance = defied.get(market);
    if (defiance !== undefined && now() < defiance.until && ++defiance.times > 2) {
      const banned = { code: -1003, msg: 'Way too much request weight used; IP banned.' };
      return reply(response, 418, banned, { ...headers, 'retry-after': '120' });
    }
    if (weight > exchange.limits[market]) {
      defied.set(market, { until: (thisMinute + 1) * minute, times: defiance?.times ?? 0 });
      return reply(
        response,
        429,
        { code: -1003, msg: 'Too much request weight used.' },
        { ...headers, 'retry-after': wait },
      );
    }
    const fault = exchange.faults.shift();
    if (fault !== undefined) return reply(response, fault, { code: -1000, msg: 'as the test wants it' }, headers);
    const body = exchange.bodies.shift();
    if (body !== undefined) return reply(response, 200, body, headers);

    const known = [...exchange.bars.keys()].some((series) => series.startsWith(`${market}/${text('symbol')}/`));
    if (!known) return reply(response, 400, { code: -1121, msg: 'Invalid symbol.' }, headers);
    if (!intervals.includes(text('interval'))) return reply(response, 400, { code: -1120, msg: 'Invalid interval.' });
    if (market === 'futures-cm' && end - start > 200 * msOfDay)
      return reply(response, 400, { code: -1127, msg: 'Lookup interval is too big.' }, headers);
    const found = (exchange.bars.get(`${market}/${text('symbol')}/${text('interval')}`) ?? []).filter((line) => {
      const open = Number(line.slice(0, line.indexOf(',')));
      return open >= start && open <= end && open <= now();
    });
    reply(response, 200, (market === 'futures-cm' ? found.slice(-limit) : found.slice(0, limit)).map(asJson), headers);
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const exchange: Exchange = {
    url,
    urls: (['spot', 'futures-um', 'futures-cm'] as const).map((market) => `${market}=${url}`),
    bars: new Map(),
    limits: { spot: 6000, 'futures-um': 2400, 'futures-cm': 2400 },
    faults: [],
    bodies: [],
    others: 0,
    intercept: undefined,
    requests() {
      const seen = asked;
      asked = [];
      return seen;
    },
    counts: { most: 0, statuses: new Map() },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return exchange;
}

/** Bars of one length from `start` up to `end` as lines of an archive's CSV; the figures depend only on the time. */
export function barLines(start: string, end: string, length: number): readonly string[] {
  const lines: string[] = [];
  for (let open = Date.parse(start); open < Date.parse(end); open += length) lines.push(barLine(open, length));
  return lines;
}

export function barLine(open: number, length: number): string {
  const seed = (open / 1000) % 9973;
  const price = 100 + (seed % 50);
  const volume = (1 + (seed % 7)).toFixed(8);
  const prices = [price, price + 2, price - 1, price + 1].map((value) => value.toFixed(2));
  return [
    open,
    ...prices,
    volume,
    open + length - 1,
    (price * 2).toFixed(8),
    (seed % 90) + 1,
    '0.50000000',
    '50.25000000',
    0,
  ].join(',');
}
