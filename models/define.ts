import { dataTestsOf, modelsOf, modelTestsOf } from '../engine/index.ts';
import { schema } from './schema.ts';

export const defineModel = modelsOf(schema);
export const defineDataTest = dataTestsOf(schema);
export const defineModelTest = modelTestsOf(schema);
