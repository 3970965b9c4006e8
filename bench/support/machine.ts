import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** Returns the first version number that a program prints, or `absent`. */
function versionOf(command: string, ...args: readonly string[]): string {
  const { stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return 'absent';
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
}

/** Describes the machine of the measurements. */
export function machineLines(): readonly string[] {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const versions = [
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `nginx ${versionOf('nginx', '-v')}`,
    `curl ${versionOf('curl', '--version')}`,
    `aria2 ${versionOf('aria2c', '--version')}`,
    `unzip ${versionOf('unzip', '-v')}`,
  ];
  const load = loadavg().map((value) => value.toFixed(2));
  return [
    `${new Date().toISOString().slice(0, 16)}Z, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${memory}, load ${load.join(' ')}`,
    versions.join(', '),
  ];
}
