// What Prisma's manual says to load first: the automatic instrumentations, and Prisma's own beside them.
"use strict";

const { getNodeAutoInstrumentations } = require("@opentelemetry/auto-instrumentations-node");
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { PrismaInstrumentation } = require("@prisma/instrumentation");

new NodeSDK({ instrumentations: [getNodeAutoInstrumentations(), new PrismaInstrumentation()] }).start();
