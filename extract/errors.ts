import { defineErrors, type PipelineError } from '../engine/index.ts';
import { type Failure, sourceExitCodes } from './failure.ts';

export const SourceError = defineErrors(sourceExitCodes);

export const asError = ({ code, message, details }: Failure): PipelineError => new SourceError(code, message, details);
