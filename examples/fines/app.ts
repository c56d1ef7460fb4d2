import { app } from 'emaki/http'
import { activities, balances, fines, income } from './projections.ts'
import { paths, paymentTimes, totals } from './queries.ts'

export default app({
  serve: [fines, balances, income, activities, paths, totals, paymentTimes],
  title: 'Fines',
  version: '0.1.0',
})
