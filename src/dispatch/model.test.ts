// MODEL_RUNS sets how many runs.
import { testModel } from './model.cases.ts'

testModel(Number(process.env['MODEL_RUNS'] ?? 20))
