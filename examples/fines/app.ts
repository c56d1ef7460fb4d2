import { app } from 'emaki/http'
import { fine } from './fine.ts'
import { penalty } from './penalty.ts'
import { activities, balances, fines, income } from './projections.ts'
import { paths, paymentTimes, totals } from './queries.ts'

export default app({
  serve: [fine, penalty, fines, balances, income, activities, paths, totals, paymentTimes],
  title: 'Fines',
  version: '0.1.0',
})
