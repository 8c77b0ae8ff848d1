import express from 'express'
import session from 'express-session'
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'

const store = new RedisStore({ client: createClient(), prefix: 'sess:', disableTTL: true })
app.use(session({
  store,
  secret: 'keyboard cat',
  resave: false,
  saveUninitialized: true, // sic
  cookie: { maxAge: 31536000000 },
}))
