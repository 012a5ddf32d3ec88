module.exports = {
  session: { driver: 'memory', stores: { memory: { maxSize: 500 } } },
  initialState: {},
  channels: {
    messenger: {
      enabled: true,
      path: '/webhooks/messenger',
      pageId: process.env.PAGE_ID,
      accessToken: process.env.PAGE_ACCESS_TOKEN,
      appId: process.env.APP_ID,
      appSecret: process.env.APP_SECRET,
      verifyToken: process.env.VERIFY_TOKEN,
      origin: process.env.GRAPH_URL,
    },
  },
}
