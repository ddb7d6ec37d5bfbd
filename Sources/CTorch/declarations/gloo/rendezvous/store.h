#include "../Gloo.h"
