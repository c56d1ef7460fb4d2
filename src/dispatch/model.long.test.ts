import { testModel } from './model.cases.ts'

testModel(400)
