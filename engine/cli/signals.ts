const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal sends Ctrl-C to every process of the group, and pnpm passes its own on: that is one signal, not two. */
const echoWithin = 250;
const endWithin = 900;

interface SignalSource {
  on(signal: (typeof signals)[number], listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * The first signal aborts, and what runs has 0.9 s to come to its end; the next one, or the end of that time, ends the
 * process with 130. A kill at any instant leaves a state that the next run can go on from, so this one does too.
 */
export function listenForSignals(source: SignalSource, now: () => number = () => performance.now()): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const onSignal = () => {
    if (first === undefined) {
      first = now();
      controller.abort();
      setTimeout(() => source.exit(130), endWithin).unref();
    } else if (now() - first > echoWithin) {
      source.exit(130);
    }
  };
  for (const signal of signals) source.on(signal, onSignal);
  return controller.signal;
}
