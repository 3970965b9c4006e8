import type { UrlAccess } from '../../engine/index.ts';

const elsewhere = 'run from a network that the host serves, or point PIPELINE_ARCHIVE_URL at a mirror';
const places = 'in PIPELINE_ARCHIVE_URL, PIPELINE_LISTING_URL or the target in pipeline.yaml';

/** What a status that refuses access means, and what to do about it; undefined for any other status. */
export function refusalOf(
  status: number,
  { authorization, query }: UrlAccess,
): { readonly message: string; readonly hint: string } | undefined {
  switch (status) {
    case 401:
      return {
        message:
          authorization === undefined
            ? 'the host asks for a user and a password, and the URL has none'
            : 'the host does not accept the user and the password of the URL',
        hint: `write them as https://user:password@host/…, percent-encoded, ${places}`,
      };
    case 403: {
      const given = [...(authorization ? ['user'] : []), ...(query ? ['query'] : [])].join(' and ');
      const reasons = 'a blocked address or network, or a bucket that is not public';
      return given === ''
        ? { message: `the host refuses access from here: ${reasons}`, hint: elsewhere }
        : {
            message: `the host refuses access to the ${given} of the URL, or from here: no right to read, or no longer, ${reasons}`,
            hint: `check that the ${given} may still read it, ${places}; else ${elsewhere}`,
          };
    }
    case 407:
      return {
        message: 'the proxy asks for a user and a password, or does not accept those that it was given',
        hint: 'write them as http://user:password@proxy:port, percent-encoded, in HTTP_PROXY or HTTPS_PROXY',
      };
    case 451:
      return { message: 'the host does not serve this country, for legal reasons', hint: elsewhere };
    default:
      return undefined;
  }
}
