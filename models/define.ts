import { dataTestsOf, modelsOf } from '../engine/index.ts';
import { schema } from './schema.ts';

export const defineModel = modelsOf(schema);
export const defineDataTest = dataTestsOf(schema);
