import { setTimeout as sleep } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { type Dispatcher, EnvHttpProxyAgent, request as sendRequest } from 'undici';
import type { Environment } from '../config/target.ts';
import { PipelineError } from '../errors.ts';
import { hideEcho } from '../secrets.ts';

/** How transfers are tried again and divided; tests use smaller figures. */
export interface TransferPolicy {
  /** Total attempts of a request, including the first one. */
  readonly attempts: number;
  /** ms. The delay before the n-th retry is random between 0 and `base × 2^(n-1)`, and at most `longest`. */
  readonly base: number;
  readonly longest: number;
  /** Bytes. A larger file is sent in parts of this size. */
  readonly partSize: number;
  /** Bytes. The service copies nothing larger in one request. */
  readonly largestCopy: number;
}

export const usualPolicy: TransferPolicy = {
  attempts: 8,
  base: 200,
  longest: 10_000,
  partSize: 64 * 1024 ** 2,
  largestCopy: 5 * 1024 ** 3,
};

export interface BucketRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Undefined for a request to the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Statuses besides 2xx that are answers and not errors. */
  readonly expected?: readonly number[];
}

export interface BucketAnswer {
  readonly status: number;
  /** Returns the value of a header; the name is in lower case. */
  header(name: string): string | undefined;
  /** Must be read to the end. */
  readonly body: Dispatcher.ResponseData['body'];
}

export interface BucketClient {
  readonly bucket: string;
  readonly address: string;
  /**
   * Sends a request, again if the answer is missing or says that the service is busy. `take` reads the answer; if that
   * fails, the request is sent again as well.
   */
  send<T>(request: BucketRequest, take: (answer: BucketAnswer) => Promise<T>): Promise<T>;
}

const retried: ReadonlySet<number> = new Set([408, 409, 429, 500, 502, 503, 504]);
const full = /QuotaExceeded|InsufficientStorage|StorageFull|NoSpaceLeft|no space left|quota/i;

/** Encodes a key for a URL: the `/` between its parts stays. */
export const encodeKey = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

/**
 * Opens a bucket of an S3-compatible service with the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN, AWS_REGION, and AWS_ENDPOINT_URL for another service than AWS. Without a key, requests are not
 * signed, which is enough to read a public bucket.
 */
export function openBucketClient(
  bucket: string,
  options: {
    readonly address: string;
    readonly env: Environment;
    readonly signal: AbortSignal;
    readonly policy: TransferPolicy;
  },
): BucketClient {
  const { address, env, signal, policy } = options;
  const read = (...names: readonly string[]) => names.map((name) => env[name]?.trim()).find(Boolean);
  const region = read('AWS_REGION', 'AWS_DEFAULT_REGION') ?? 'us-east-1';
  const endpoint = read('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL')?.replace(/\/+$/, '');
  const base = endpoint === undefined ? `https://${bucket}.s3.${region}.amazonaws.com` : `${endpoint}/${bucket}`;
  if (URL.parse(base) === null) {
    throw new PipelineError('USAGE', 'AWS_ENDPOINT_URL is not a valid URL', { key: 'AWS_ENDPOINT_URL', value: base });
  }
  const [accessKeyId, secretAccessKey] = [read('AWS_ACCESS_KEY_ID'), read('AWS_SECRET_ACCESS_KEY')];
  const sessionToken = read('AWS_SESSION_TOKEN');
  const isSigned = accessKeyId !== undefined && secretAccessKey !== undefined;
  const signer = isSigned
    ? new AwsClient({
        ...{ accessKeyId, secretAccessKey, service: 's3', region },
        ...(sessionToken !== undefined && { sessionToken }),
      })
    : undefined;
  const access = { authorization: `Basic ${Buffer.from(`${accessKeyId}:${secretAccessKey}`).toString('base64')}` };

  const noProxy = [read('no_proxy', 'NO_PROXY'), 'localhost', '127.0.0.1', '[::1]'].filter(Boolean).join(',');
  const dispatcher = new EnvHttpProxyAgent({ noProxy });

  async function attempt({ method, key, query = {}, headers = {}, body }: BucketRequest): Promise<BucketAnswer> {
    const search = new URLSearchParams(query).toString();
    const url = `${base}/${key === undefined ? '' : encodeKey(key)}${search && `?${search}`}`;
    const plain = { method, headers: { ...headers } };
    const signed = signer === undefined ? undefined : await signer.sign(url, { ...plain, ...(body && { body }) });
    const answer = await sendRequest(signed?.url ?? url, {
      ...{ method, headers: Object.fromEntries(signed?.headers ?? Object.entries(headers)), dispatcher, signal },
      ...(body !== undefined && { body }),
    });
    const { statusCode: status, headers: received } = answer;
    return { status, body: answer.body, header: (name) => [received[name]].flat()[0] };
  }

  return {
    bucket,
    address,
    async send(request, take) {
      const what = `${request.method} ${request.key ?? bucket}`;
      let problem = '';
      for (let number = 1; number <= policy.attempts; number++) {
        signal.throwIfAborted();
        try {
          const answer = await attempt(request);
          const { status } = answer;
          if ((status >= 200 && status < 300) || request.expected?.includes(status)) return await take(answer);
          const text = hideEcho((await answer.body.text()).slice(0, 2_000), access);
          const error = errorOf(status, text, what);
          if (!retried.has(status) || error.code === 'STORE_FULL') throw error;
          problem = error.message;
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof PipelineError) throw error;
          const { message, cause } = error as Error;
          problem = `${what}: ${cause instanceof Error && cause.message !== '' ? cause.message : message}`;
        }
        if (number === policy.attempts) break;
        const delay = Math.random() * Math.min(policy.longest, policy.base * 2 ** (number - 1));
        await sleep(delay, undefined, { signal }).catch(() => {});
      }
      throw new PipelineError('STORE_UNREACHABLE', `${problem} (after ${policy.attempts} attempts)`, {
        url: base,
        hint: 'check the address and the network, then run the command again: nothing has been switched',
      });
    },
  };

  function errorOf(status: number, text: string, what: string): PipelineError {
    const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? '';
    const said = [code, /<Message>([^<]*)<\/Message>/.exec(text)?.[1]].filter(Boolean).join(': ') || `status ${status}`;
    const message = `${what}: ${said}`;
    if (status === 507 || full.test(text)) {
      const hint = 'free up space, or keep fewer versions (keep: in pipeline.yaml), and run the command again';
      return new PipelineError('STORE_FULL', message, { url: base, status, hint });
    }
    if (status >= 500 || status === 429 || status === 408)
      return new PipelineError('STORE_UNREACHABLE', message, { url: base, status });
    const hint = isSigned
      ? 'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL, the name of the bucket, and the rights of the key'
      : 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: without them only a public bucket can be read';
    return new PipelineError('STORE_REFUSED', message, { url: base, status, hint });
  }
}
