import { testLinked } from './linked-services.cases.ts'

testLinked('webhooks', async () => ({}), 'warehouse')
