// As in https://bottender.js.org/docs/advanced-guides-custom-server
import { bottender } from 'bottender'
import express from 'express'

const app = bottender({ dev: false })
const handle = app.getRequestHandler()
await app.prepare()
const server = express()
server.use(express.json({ verify: (request, _response, body) => (request.rawBody = body.toString()) }))
server.all('*', (request, response) => handle(request, response))
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('the bot is up'))
