import { PipelineError } from '../engine/index.ts';
import type { Failure } from './failure.ts';

export const asError = ({ code, message, details }: Failure): PipelineError =>
  new PipelineError(code, message, details);
