import { Agent, EnvHttpProxyAgent, request } from 'undici';
import { about } from '../about.ts';
import { PipelineError } from '../errors.ts';
import type { UrlAccess } from '../secrets.ts';

const timeoutMs = 10_000;
const refusals: ReadonlySet<number> = new Set([401, 403, 407, 451]);

/**
 * Asks a host once, through the proxy of the environment, and says how it answered. A 404 is an answer.
 * @throws PipelineError ARCHIVE_UNREACHABLE, ARCHIVE_REFUSED
 */
export async function contact(address: string, access: UrlAccess, signal: AbortSignal): Promise<string> {
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
    throw new PipelineError('ARCHIVE_REFUSED', `${url.host} refuses`, {
      url: url.origin,
      status: statusCode,
      hint: 'check the URL, the proxy and the region that you ask from',
    });
  }
  return `${url.host} answers in ${Math.round(performance.now() - startedAt)} ms`;
}
