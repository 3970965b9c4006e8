import { PipelineError } from './errors.ts';

/** Commands run on this Node or a later one, which the package `node` brings (start.js). */
export const commandsNode = 24;
/** The library and modules of projects may be loaded by an older one, down to this. */
const libraryNode = 22;

/** @throws PipelineError NODE_OUTDATED */
export function expectNode(oldest: number, hint: string): void {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) >= oldest) return;
  throw new PipelineError('NODE_OUTDATED', `Node ${oldest} is required, but this is Node ${node}`, { hint });
}

// Otherwise an old Node would fail later, at the first function that it lacks.
expectNode(libraryNode, `start it with the Node ${commandsNode} that the package \`node\` brings: npx node FILE`);
